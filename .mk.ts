import { load } from './scripts/cluster/cluster.ts';
import { buildahImage } from './scripts/images/buildah.ts';

const f = await buildahImage();
console.log(f);
console.log(await load(f));
