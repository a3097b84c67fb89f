// `make bench-relay`: compares our relay and our pair with other relays, interleaved in one run. Prints tables, and
// writes the samples, a chart and a page. See `--help`.

import { runComparison } from './compare/run.ts';
import { relayComparison } from './relay/comparison.ts';

runComparison(relayComparison, process.argv.slice(2));
