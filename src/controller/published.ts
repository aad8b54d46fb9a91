/** The ConfigMaps that carry our label, by who owns them; fed by the watch, and never ahead of it. */
import type { ConfigMapView } from './views.ts';

export class Published {
  /** namespace/uid of an owner → its ConfigMaps by name */
  readonly #byOwner = new Map<string, Map<string, ConfigMapView>>();

  /** A watch's word about a ConfigMap. */
  changed(before: ConfigMapView | undefined, after: ConfigMapView | undefined): void {
    for (const key of keysOf(before)) {
      const owned = this.#byOwner.get(key);
      owned?.delete(before?.name ?? '');
      if (owned?.size === 0) this.#byOwner.delete(key);
    }
    for (const key of keysOf(after)) {
      const owned = this.#byOwner.get(key) ?? new Map<string, ConfigMapView>();
      if (after) this.#byOwner.set(key, owned.set(after.name, after));
    }
  }

  /** What an ImageSpec owns in its namespace: a reference to it from another one is a lie. */
  of({ namespace, uid }: { readonly namespace: string; readonly uid: string }): ConfigMapView[] {
    return [...(this.#byOwner.get(`${namespace}/${uid}`)?.values() ?? [])];
  }
}

const keysOf = (view: ConfigMapView | undefined) =>
  (view?.owners ?? []).map(({ uid }) => `${view?.namespace}/${uid}`);
