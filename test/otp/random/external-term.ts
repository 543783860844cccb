/**
 * Writes plain data in Erlang's external term format, which `binary_to_term` reads far faster than text is parsed. Texts and
 * booleans become atoms, lists lists, objects maps; whole numbers of 32 bits only.
 */

const tag = { version: 131, integer: 98, atom: 119, nil: 106, list: 108, map: 116 } as const;

/** Writes `value` as one term, version byte included. */
export function externalTerm(value: unknown): Buffer {
  const writer = new Writer();
  writer.byte(tag.version);
  writer.term(value);
  return writer.done();
}

class Writer {
  #bytes = Buffer.allocUnsafe(1 << 16);
  #length = 0;
  readonly #atoms = new Map<string, Buffer>();

  done(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  byte(value: number): void {
    this.#room(1);
    this.#length = this.#bytes.writeUInt8(value, this.#length);
  }

  term(value: unknown): void {
    if (typeof value === "string" || typeof value === "boolean") this.#atom(String(value));
    else if (typeof value === "number") {
      this.byte(tag.integer);
      this.#int32(value);
    } else if (Array.isArray(value)) this.#list(value);
    else if (typeof value === "object" && value !== null) this.#map(Object.entries(value));
    else throw new TypeError(`no term for ${String(value)}`);
  }

  #list(items: readonly unknown[]): void {
    if (items.length > 0) {
      this.byte(tag.list);
      this.#int32(items.length);
      for (const item of items) this.term(item);
    }
    this.byte(tag.nil);
  }

  #map(entries: readonly (readonly [string, unknown])[]): void {
    this.byte(tag.map);
    this.#int32(entries.length);
    for (const [key, value] of entries) {
      this.#atom(key);
      this.term(value);
    }
  }

  #atom(name: string): void {
    let bytes = this.#atoms.get(name);
    if (!bytes) {
      const text = Buffer.from(name, "utf8");
      bytes = Buffer.concat([Buffer.from([tag.atom, text.length]), text]);
      this.#atoms.set(name, bytes);
    }
    this.#room(bytes.length);
    this.#length += bytes.copy(this.#bytes, this.#length);
  }

  #int32(value: number): void {
    this.#room(4);
    this.#length = this.#bytes.writeInt32BE(value, this.#length);
  }

  #room(wanted: number): void {
    if (this.#length + wanted <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(this.#bytes.length * 2 + wanted);
    this.#bytes.copy(larger, 0, 0, this.#length);
    this.#bytes = larger;
  }
}
