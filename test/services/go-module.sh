# Sourced after service.sh by the scripts of services that are built from their Go module, as an ordinary dependency of a
# module of ours; `$work` is the folder of that.
work=$cache/build-$name-$version

# go_module MODULE PACKAGE: leaves us in the folder, with a go.mod for which PACKAGE can be built.
go_module() {
  command -v go >/dev/null || fail 'Go is needed to build it'
  mkdir -p "$work"
  cd "$work"
  export GOFLAGS=-mod=mod
  local folder
  folder=$(go mod download -json "$1@$version" 2>"$work/log" | sed -n 's/.*"Dir": "\(.*\)".*/\1/p')
  [ -d "$folder" ] || fail "cannot download $1" "$work/log"
  printf 'module example/%s\n\ngo %s\n\nrequire %s %s\n' "$name" "$(sed -n 's/^go //p' "$folder/go.mod")" "$1" "$version" >go.mod
  # what a dependency replaces counts in the main module only
  sed -n '/^replace (/,/^)/p; /^replace [^(]/p' "$folder/go.mod" >>go.mod
  # the module's own sums are covered by its own; the checksum database does not know all of its old dependencies
  cat "$folder/go.sum" >go.sum
  go get "$2@$version" >"$work/log" 2>&1 || fail "cannot resolve $2" "$work/log"
}

# go_build TARGET PACKAGE [FLAG...]: all or nothing, so that an interrupted build is not taken for one.
go_build() {
  local target=$1 package=$2
  shift 2
  go build -trimpath "$@" -o "$target.part" "$package" >"$work/log" 2>&1 || fail "cannot build $package" "$work/log"
  mv "$target.part" "$target"
}
