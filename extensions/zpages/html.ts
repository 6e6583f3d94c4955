/** Markup; the only way to make it is `html`, which escapes what is put in. */
export class Html {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

export type Content = string | number | Html | readonly Content[] | undefined;

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function render(content: Content): string {
  if (content === undefined) return '';
  if (content instanceof Html) return content.text;
  if (typeof content === 'object') return content.map(render).join('');
  return String(content).replace(/[&<>"']/g, (c) => ENTITIES[c] as string);
}

/** html`<b>${value}</b>`: values are escaped, markup and lists of it are not. */
export function html(strings: TemplateStringsArray, ...values: readonly Content[]): Html {
  return new Html(strings.map((text, i) => text + render(values[i])).join(''));
}

export function table(columns: readonly string[], rows: readonly (readonly Content[])[]): Html {
  if (rows.length === 0) return html`<p class="none">none</p>`;
  return html`<div class="wide"><table><thead><tr>${columns.map((name) => html`<th>${name}</th>`)}</tr></thead>
<tbody>${rows.map((cells) => html`<tr>${cells.map((cell) => html`<td>${cell}</td>`)}</tr>\n`)}</tbody></table></div>`;
}

/** Names and values, one a line. */
export function facts(pairs: readonly (readonly [name: string, value: Content])[]): Html {
  const rows = pairs.map(([name, value]) => html`<tr><th>${name}</th><td>${value}</td></tr>\n`);
  return html`<table class="facts">${rows}</table>`;
}

const STYLE = new Html(`
:root{color-scheme:light dark}
body{font:15px/1.5 system-ui,sans-serif;max-width:70em;margin:1.5em auto;padding:0 1em}
nav a{margin-right:1em}
h1{font-size:1.5em;margin:.8em 0 .4em} h2{font-size:1.15em;margin:1.4em 0 .4em}
.wide{overflow-x:auto}
table{border-collapse:collapse}
th,td{padding:.3em .8em;text-align:left;vertical-align:top;border-bottom:1px solid #8884}
thead th{border-bottom:2px solid #8888}
thead th,time{white-space:nowrap}
.good{color:#187a2f} .bad{color:#c22;font-weight:600} .none{color:#888}
@media (prefers-color-scheme:dark){.good{color:#6fcf85}.bad{color:#ff8080}}
`);

export interface Link {
  readonly href: string;
  readonly text: string;
}

/** A whole page: no scripts, nothing from elsewhere. */
export function page(title: string, links: readonly Link[], body: Content): string {
  return html`<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${title}</title><style>${STYLE}</style></head>
<body><nav>${links.map((link) => html`<a href="${link.href}">${link.text}</a>`)}</nav>
<h1>${title}</h1>
${body}
</body></html>
`.text;
}
