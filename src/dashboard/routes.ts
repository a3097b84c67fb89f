/**
 * What the admin server answers with the dashboard: the page at `/`, and what it needs below `/assets/`.
 */

import { type Answer, RequestError } from '../admin/answer.ts';
import type { Route } from '../admin/routes.ts';
import { dashboardAsset, PAGE_POLICY } from './assets.ts';

/** Where its files are. */
const FOLDERS = ['/assets', '/assets/core', '/assets/dashboard/page'];

export function dashboardRoutes(): Route[] {
  const files = FOLDERS.map(
    (folder): Route => ({
      method: 'GET',
      path: `${folder}/{file}`,
      answer: ({ path: { file = '' } }) => answer(`${folder}/${file}`),
    }),
  );
  return [{ method: 'GET', path: '/', answer: () => answer('/') }, ...files];
}

function answer(path: string): Answer {
  const asset = dashboardAsset(path);
  if (asset === undefined) throw new RequestError(404, 'the dashboard has no such file');
  return { status: 200, ...asset, headers: { 'Content-Security-Policy': PAGE_POLICY } };
}
