// What a handheld keeps on the device, so that killing the app loses nothing: the acts that have no outcome yet, and the last view.

import { type DBSchema, type IDBPDatabase, openDB } from "idb";
import type { Place, TeamView } from "../board/team";
import type { Act } from "./acts";
import type { Ending } from "./endings";

/** Whose handheld this is, and what it knew when it was last told anything. */
export interface Kept {
  team: string;
  device: string;
  guard: string;
  view?: TeamView;
  place?: Place;
  /** When the server was last heard of, by this device's clock. */
  heard: number;
  endings: Ending[];
  /** The team's SOS is a silent one. */
  silent: boolean;
}

export interface Store {
  /** False when this device keeps nothing beyond the life of the page. */
  readonly lasting: boolean;
  kept(): Promise<Kept | undefined>;
  keep(kept: Kept): Promise<void>;
  /** Forgets what was the team's. Acts stay until they have an outcome. */
  forget(): Promise<void>;
  acts(): Promise<Act[]>;
  put(act: Act): Promise<void>;
  delete(id: string): Promise<void>;
  close(): void;
}

interface Schema extends DBSchema {
  acts: { key: string; value: Act };
  kept: { key: "hand"; value: Kept };
}

export async function openStore(name = "vigie-hand"): Promise<Store> {
  try {
    return lastingStore(
      await openDB<Schema>(name, 1, {
        upgrade(db) {
          db.createObjectStore("acts", { keyPath: "id" });
          db.createObjectStore("kept");
        },
      }),
    );
  } catch {
    return passingStore(); // a browser without storage still sends what is done while it runs, and says that it keeps nothing
  }
}

function lastingStore(db: IDBPDatabase<Schema>): Store {
  return {
    lasting: true,
    kept: () => db.get("kept", "hand"),
    keep: async (kept) => void (await db.put("kept", kept, "hand")),
    forget: () => db.delete("kept", "hand"),
    acts: async () => (await db.getAll("acts")).sort((a, b) => a.seq - b.seq),
    put: async (act) => {
      const tx = db.transaction("acts", "readwrite", { durability: "strict" });
      await Promise.all([tx.store.put(act), tx.done]);
    },
    delete: (id) => db.delete("acts", id),
    close: () => db.close(),
  };
}

function passingStore(): Store {
  const acts = new Map<string, Act>();
  let last: Kept | undefined;
  return {
    lasting: false,
    kept: async () => last,
    keep: async (kept) => {
      last = kept;
    },
    forget: async () => {
      last = undefined;
    },
    acts: async () => [...acts.values()].sort((a, b) => a.seq - b.seq),
    put: async (act) => void acts.set(act.id, act),
    delete: async (id) => void acts.delete(id),
    close: () => {},
  };
}
