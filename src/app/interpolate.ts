/**
 * Fills `${VAR}`, `${VAR:-default}` and `${instance}` into a text of the config.
 * It knows nothing of where the text stands; the plan decides which fields are filled (never `command`).
 */

/** What a text was filled to, or what was wrong with it, as a clause for an error's sentence. */
export type Interpolated = { readonly text: string } | { readonly problem: string };

const opening = /\$\$\{|\$\{/g;
const reference = /^\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}/;

/**
 * Fills every reference of `template` from `variables`.
 *
 * `${VAR}` must be set (it may be empty); `${VAR:-default}` takes the default when VAR is unset or empty. `$${` stands for
 * a literal `${`, and a `$` before anything else is left alone. What was filled in is not looked at again.
 */
export function interpolate(template: string, variables: Readonly<Record<string, string | undefined>>): Interpolated {
  let text = "";
  let position = 0;
  for (;;) {
    opening.lastIndex = position;
    const found = opening.exec(template);
    if (found === null) return { text: text + template.slice(position) };
    text += template.slice(position, found.index);
    if (found[0] === "$${") {
      text += "${";
      position = found.index + 3;
      continue;
    }
    const rest = template.slice(found.index);
    const parts = reference.exec(rest);
    if (parts === null) {
      return { problem: `\`${firstWord(rest)}\` is no reference: \${VAR}, \${VAR:-default} and \${instance} are` };
    }
    const [whole, name = "", fallback] = parts;
    const value = Object.hasOwn(variables, name) ? variables[name] : undefined;
    if (value === undefined && fallback === undefined) {
      return { problem: `\`\${${name}}\` is not set in the environment; set it or write \${${name}:-default}` };
    }
    text += value === undefined || (value === "" && fallback !== undefined) ? fallback : value;
    position = found.index + whole.length;
  }
}

function firstWord(text: string): string {
  return text.slice(0, 30).split(/[\s}]/, 1)[0] ?? text;
}
