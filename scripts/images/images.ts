/**
 * The images the local cluster needs, each made without Docker and kept in the cache.
 *
 * Every function gives the path of an OCI archive: `ctr images import` takes it, and so does
 * `skopeo copy oci-archive:`. Its name is in the archive, as containerd wants it.
 */
export { readImage } from './archive.ts';
export { baseImage } from './base.ts';
export { buildahImage } from './buildah.ts';
export { BUILDKIT_VERSION, type BuildkitPrograms, buildkitImage } from './buildkit.ts';
export { KANIKO_VERSION, kanikoImage } from './kaniko.ts';
export { operatorImage } from './operator.ts';
export { pauseImage } from './pause.ts';
export { UV_VERSION, uvImage } from './uv.ts';
