/** Recipes by name: how an effective spec becomes a Dockerfile and its files. */
import type { Options, Recipe } from './recipe/contract.ts';
import { recipeV1 } from './recipe/v1.ts';
import type { Target } from './target.ts';

export type { Dialect, Options, Recipe } from './recipe/contract.ts';
export { ARGUMENTS, CA_SECRET, FOLDERS, PLAIN, secretMountId } from './recipe/contract.ts';

const RECIPES = { v1: recipeV1 } as const;

/** Renders the recipe that the target names. */
export function recipeOf(
  target: Pick<Target, 'effective' | 'specHash'>,
  options: Options = { dialect: 'BuildKit', secretPaths: [] },
): Recipe {
  return RECIPES[target.effective.recipe](target.effective, target.specHash, options);
}
