/** Arguments of flytekit's ImageSpec as a YAML file. */
import { yamlText } from '../../src/cli/yaml-text.ts';

/** @param given by flytekit's names; a Map keeps its order, and members of the enum are written by name */
export function asYaml(given: object): string {
  const entries = Object.entries(given).map(([key, value]) => {
    const member = /CopyFileDetection\.(\w+)/.exec(
      String((value as { printed?: string } | null)?.printed),
    )?.[1];
    return [key, member ?? value];
  });
  return yamlText(Object.fromEntries(entries));
}
