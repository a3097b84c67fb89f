// `make bench-tls`: compares the encrypted pair with HAProxy and stunnel, both with TLS, interleaved in one run. Prints
// tables, and writes the samples, a chart and a page. See `--help`.

import { runComparison } from './compare/run.ts';
import { tlsComparison } from './tls/comparison.ts';

runComparison(tlsComparison, process.argv.slice(2));
