// `make bench-striped`: compares the striped pair with the classic one and with HAProxy, interleaved in one run. Prints
// tables, and writes the samples, a chart and a page. See `--help`.

import { runComparison } from './compare/run.ts';
import { stripedComparison } from './striped/comparison.ts';

runComparison(stripedComparison, process.argv.slice(2));
