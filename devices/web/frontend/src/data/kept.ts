/** Things that are made once for whoever needs them, and stay for a while after nobody does: who goes back finds them. */

export interface Closable {
  close(): void;
}

interface One {
  value: Closable;
  holders: number;
  linger_ms: number;
  timer: ReturnType<typeof setTimeout> | undefined;
}

export class Kept {
  #all = new Map<string, One>();

  /** The one with that name, made if there is none. It stays for `linger_ms`, and as long as it is held. */
  get<T extends Closable>(name: string, make: () => T, linger_ms: number): T {
    const found = this.#all.get(name);
    if (found) return found.value as T;
    const one: One = { value: make(), holders: 0, linger_ms, timer: undefined };
    this.#all.set(name, one);
    this.#linger(name, one);
    return one.value as T;
  }

  /** @returns lets go of it again */
  hold(name: string): () => void {
    const one = this.#all.get(name);
    if (!one) return () => {};
    one.holders += 1;
    clearTimeout(one.timer);
    return () => {
      one.holders -= 1;
      if (one.holders === 0) this.#linger(name, one);
    };
  }

  /** Close all that nobody holds. */
  clear(): void {
    for (const [name, one] of this.#all) if (one.holders === 0) this.#end(name, one);
  }

  #linger(name: string, one: One) {
    clearTimeout(one.timer);
    one.timer = setTimeout(() => this.#end(name, one), one.linger_ms);
  }

  #end(name: string, one: One) {
    clearTimeout(one.timer);
    this.#all.delete(name);
    one.value.close();
  }
}
