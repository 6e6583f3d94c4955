const MIB = 1024 * 1024;

/** What the engine may take for queries, inserts, merges and caches; beyond, a statement fails and may be retried. */
const MEMORY = 320 * MIB;
/** Positions within columns; the default of 5 GiB is made for servers. */
const MARK_CACHE = 32 * MIB;
/** Merges at a time. They share memory and the cores with the pipelines. */
const MERGES = 1;
const THREADS = 64;
/** A merge of wide rows holds a block of each part; the default of 8192 rows is for servers. */
const MERGE_ROWS = 2048;
const MERGE_BYTES = 4 * MIB;
/** Each column that is written has a buffer of this. */
const COMPRESS_BLOCK = MIB / 4;
/** From here on sorting and grouping go by way of the disk. */
const SPILL = 64 * MIB;
/** A query that nobody waits for any more ends by itself. */
const LONGEST_QUERY_S = 300;

/** The engine's configuration, made for an embedded store beside pipelines. */
export function engineConfig(): string {
  const server = {
    max_server_memory_usage: MEMORY,
    mark_cache_size: MARK_CACHE,
    index_mark_cache_size: MARK_CACHE,
    primary_index_cache_size: MARK_CACHE,
    uncompressed_cache_size: 0,
    index_uncompressed_cache_size: 0,
    query_condition_cache_size: MIB,
    mmap_cache_size: 0,
    background_pool_size: MERGES,
    background_schedule_pool_size: 4,
    max_thread_pool_size: THREADS,
    max_thread_pool_free_size: 4,
  };
  const tables = {
    merge_max_block_size: MERGE_ROWS,
    merge_max_block_size_bytes: MERGE_BYTES,
    // as many small merges as merges at all, or the engine refuses to start
    max_compress_block_size: COMPRESS_BLOCK,
    // merges column by column take half the memory
    vertical_merge_algorithm_min_rows_to_activate: 1,
    vertical_merge_algorithm_min_columns_to_activate: 1,
    number_of_free_entries_in_pool_to_lower_max_size_of_merge: 1,
    number_of_free_entries_in_pool_to_execute_mutation: 1,
    number_of_free_entries_in_pool_to_execute_optimize_entire_partition: 1,
  };
  const tags = (values: Readonly<Record<string, number>>) =>
    Object.entries(values)
      .map(([name, value]) => `<${name}>${value}</${name}>`)
      .join('\n');
  return `<clickhouse>\n${tags(server)}\n<merge_tree>\n${tags(tables)}\n</merge_tree>\n</clickhouse>\n`;
}

/** One thread and the blocks as they come: the order and number of blocks, so their tokens, repeat with a retry. */
export const INSERT_SETTINGS: Readonly<Record<string, string>> = {
  async_insert: '0',
  max_threads: '1',
  max_insert_threads: '1',
  input_format_parallel_parsing: '0',
  deduplicate_blocks_in_dependent_materialized_views: '1',
};

export const QUERY_SETTINGS: Readonly<Record<string, string>> = {
  max_execution_time: String(LONGEST_QUERY_S),
  max_bytes_before_external_group_by: String(SPILL),
  max_bytes_before_external_sort: String(SPILL),
};
