/**
 * Erlang terms as the scenarios use them, and how `~0tp` prints them. An atom is a string, a list an array, a map a plain object,
 * a pid an actor's ref; tuples, references, quoted texts and stack traces have a class of their own. Knows nothing of what the terms mean.
 */
import { isActorRef } from "#src/ref.js";

/** Anything a scenario may print. `undefined` is the atom of that name. */
export type Term = unknown;

/** An Erlang tuple. */
export class Tuple {
  readonly items: readonly Term[];

  constructor(items: readonly Term[]) {
    this.items = items;
  }
}

/** Makes a tuple: `tuple("error", "noproc")` is `{error,noproc}`. */
export function tuple(...items: readonly Term[]): Tuple {
  return new Tuple(items);
}

/** Something that prints as one fixed word whatever it stands for: a stack trace, a reference, a function. */
export class Opaque {
  readonly word: string;

  constructor(word: string) {
    this.word = word;
  }
}

/** A stack trace; no two runs share one, so the recorded results have the word instead. */
export const stack = new Opaque("stack");

/** Tells whether `term` is a tuple that begins with the atom `tag`, and has `size` items if given. */
export function isTagged(term: Term, tag: string, size?: number): term is Tuple {
  return term instanceof Tuple && term.items[0] === tag && (size === undefined || term.items.length === size);
}

/** The item of a tuple at `at`, counted from 1 as `element/2` does. @throws {TypeError} if there is none. */
export function element(at: number, term: Term): Term {
  if (!(term instanceof Tuple) || at < 1 || at > term.items.length)
    throw new TypeError(`no element ${at} in ${print(term)}`);
  return term.items[at - 1];
}

/** Tells whether two terms are equal: the same actor, the same atoms, the same structure. */
export function equal(one: Term, other: Term): boolean {
  return one === other || (typeof one === "object" && printWith(one, refId) === printWith(other, refId));
}

/**
 * Prints `term` in one line as Erlang's `~0tp` would, after giving pids the names `p1`, `p2`, … in the order in which they occur
 * and references the word `ref`.
 */
export function print(term: Term): string {
  const names = new Map<unknown, string>();
  return printWith(term, (ref) => {
    const known = names.get(ref);
    if (known !== undefined) return known;
    const name = `p${names.size + 1}`;
    names.set(ref, name);
    return name;
  });
}

function refId(ref: { readonly id: number }): string {
  return `<${ref.id}>`;
}

function printWith(term: Term, nameOf: (ref: { readonly id: number }) => string): string {
  const show = (one: Term): string => printWith(one, nameOf);
  if (term === undefined || term === null) return "undefined";
  if (typeof term === "string") return atom(term);
  if (typeof term === "number" || typeof term === "boolean") return String(term);
  if (typeof term === "function") return "'fun'";
  if (isActorRef(term)) return nameOf(term);
  if (term instanceof Opaque) return term.word;
  if (term instanceof Tuple) return `{${term.items.map(show).join(",")}}`;
  if (Array.isArray(term)) return `[${term.map(show).join(",")}]`;
  // Erlang keeps the keys of a small map sorted.
  const entries = Object.entries(term).sort(([a], [b]) => (a < b ? -1 : 1));
  return `#{${entries.map(([key, value]) => `${atom(key)} => ${show(value)}`).join(",")}}`;
}

const plainAtom = /^[a-z][A-Za-z0-9_@]*$/;
const reserved: ReadonlySet<string> = new Set(
  "after and andalso band begin bnot bor bsl bsr bxor case catch cond div end fun if let maybe not of or orelse receive rem try when xor".split(
    " ",
  ),
);

function atom(name: string): string {
  if (plainAtom.test(name) && !reserved.has(name)) return name;
  return `'${name.replace(/[\\']/g, "\\$&")}'`;
}
