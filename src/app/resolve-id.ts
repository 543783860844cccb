/**
 * Finds the one node that a person means by an id: a whole path, or any tail of one that no other path ends in.
 * It works on paths alone and knows nothing of what they name.
 */

import { nearest } from "./config-problem.js";

/** The path meant, or the paths that could be meant: none, or more than one. */
export type ResolvedId = { readonly path: string } | { readonly candidates: readonly string[] };

/** Finds the path that `id` names among `paths`: the path itself, else the only one that ends in `/id`. */
export function resolveId(id: string, paths: Iterable<string>): ResolvedId {
  const candidates: string[] = [];
  for (const path of paths) {
    if (path === id) return { path };
    if (path.endsWith(`/${id}`)) candidates.push(path);
  }
  const [only] = candidates;
  return only !== undefined && candidates.length === 1 ? { path: only } : { candidates };
}

/** Says which ids are near to one that names nothing: its instances, else a slip of the pen, else all there are. */
export function nearestIds(id: string, paths: Iterable<string>): string {
  const all = [...paths];
  const instances = all.filter((path) => /\.\d+$/.test(path) && `/${path.replace(/\.\d+$/, "")}`.endsWith(`/${id}`));
  if (instances.length > 0) return `its instances are ${instances.join(", ")}`;
  const tails = new Map(all.map((path) => [path.slice(path.lastIndexOf("/") + 1), path]));
  const near = nearest(id.slice(id.lastIndexOf("/") + 1), tails.keys());
  if (near !== undefined) return `did you mean ${tails.get(near)}?`;
  return all.length > 12
    ? `there are ${all.slice(0, 12).join(", ")} and ${all.length - 12} more`
    : `there are ${all.join(", ")}`;
}
