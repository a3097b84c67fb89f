/**
 * make bench-hostile: what an attack on a server's port does to a legitimate user.
 */
import { main } from './hostile/main.ts';

process.exitCode = await main(process.argv.slice(2));
