/**
 * make bench-compress: what compressing costs, and what it brings.
 */
import { main } from './compress/main.ts';

process.exitCode = await main(process.argv.slice(2));
