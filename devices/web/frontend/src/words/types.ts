/** What a catalogue is made of, so that a missing text, or a wrong or missing value, fails the type check. */

import type { en } from "./en.js";

export interface Plural {
  readonly one: string;
  readonly other: string;
}

type En = typeof en;

/** The names of the texts. */
export type Key = keyof En;

/** Each text in a language; those chosen by `count` have both forms. */
export type Catalogue = { readonly [K in Key]: En[K] extends string ? string : Plural };

/** Those of a group: `KeyOf<"part">` is `"database" | "layer" | …`. */
export type KeyOf<Group extends string> = Key extends infer K ? (K extends `${Group}.${infer Rest}` ? Rest : never) : never;

type Names<Text> = Text extends `${string}{${infer Name}}${infer Rest}` ? Name | Names<Rest> : never;
type NamesOf<K extends Key> = En[K] extends { other: infer Text } ? Names<Text> : Names<En[K]>;

/** What a text needs: a value for each name in it. */
export type ValuesOf<K extends Key, Value = string | number> = [NamesOf<K>] extends [never]
  ? []
  : [values: { readonly [Name in NamesOf<K>]: Value }];

export type Language = "en" | "de";
