/** The build arguments of a build, for engines that take a Dockerfile's arguments by name. */
import { ARGUMENTS } from '../image/recipe.ts';
import type { BuildContext } from './context.ts';
import type { Prepared } from './engine.ts';

/** All of them: the recipe's values, what `prepare` found out, and the proxies. */
export function buildArguments(context: BuildContext, prepared: Prepared): Record<string, string> {
  return {
    ...context.args,
    [ARGUMENTS.base]: prepared.base,
    ...context.tools,
    ...(context.user === undefined ? { [ARGUMENTS.user]: prepared.user } : {}),
    ...proxyArguments(context.proxy),
  };
}

/** Docker's predefined arguments: every step has them, declared or not. Programs read one spelling or the other. */
export function proxyArguments(proxy: BuildContext['proxy']): Record<string, string> {
  const found = {
    HTTP_PROXY: proxy?.http,
    HTTPS_PROXY: proxy?.https,
    NO_PROXY: proxy?.noProxy.join(',') || undefined,
  };
  return Object.fromEntries(
    Object.entries(found).flatMap(([name, value]) =>
      value === undefined ? [] : [name, name.toLowerCase()].map((spelled) => [spelled, value]),
    ),
  );
}
