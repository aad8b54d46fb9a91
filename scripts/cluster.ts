/**
 * `npm run cluster -- COMMAND`: a local Kubernetes for the demo and the tests, made with kind where Docker
 * runs and as a single node of our own elsewhere. What it does is in `cluster/cluster.ts`.
 */
import { dirname } from 'node:path';
import { parseArgs } from 'node:util';
import { current, down, leftovers, load, status, up } from './cluster/cluster.ts';

const USAGE = `usage: npm run cluster -- COMMAND

  up [--without-operator]   make the cluster, or find it made (the first time takes about 15 minutes)
  down                      remove it and everything of it on this host
  status                    say what runs; ends with 0 when pods can run, else with 1
  kubeconfig                print the path of its kubeconfig
  load ARCHIVE              bring the image of an OCI archive into it

With a running Docker it is a kind cluster; otherwise Linux with root and Go makes a single node.`;

async function cluster(command: string | undefined, archive: string | undefined, withoutOperator: boolean) {
  switch (command) {
    case 'up': {
      const { kubeconfig, registry } = await up({ withoutOperator });
      console.log(`The cluster is ready; its registry is ${registry}. To use it:`);
      console.log(`  export KUBECONFIG=${kubeconfig} PATH=${dirname(kubeconfig)}:$PATH`);
      return 0;
    }
    case 'down': {
      await down();
      const found = await leftovers();
      console.log(['The cluster is gone.', ...found.map((name) => `Left over: ${name}`)].join('\n'));
      return found.length === 0 ? 0 : 1;
    }
    case 'status': {
      const { ready, lines } = await status();
      console.log(lines.join('\n'));
      return ready ? 0 : 1;
    }
    case 'kubeconfig': {
      const running = await current();
      if (!running) throw new Error('No cluster runs; `npm run cluster -- up` starts one.');
      console.log(running.kubeconfig);
      return 0;
    }
    case 'load': {
      if (!archive) throw new Error(USAGE);
      console.log(await load(archive));
      return 0;
    }
    default:
      throw new Error(USAGE);
  }
}

try {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: {
      help: { type: 'boolean', short: 'h' },
      'without-operator': { type: 'boolean', default: false },
    },
  });
  if (values.help) console.log(USAGE);
  else process.exitCode = await cluster(positionals[0], positionals[1], values['without-operator']);
} catch (error) {
  console.error((error as Error).message);
  process.exit(1); // at once: other steps may still be at work
}
