// The two servers that a stack consists of: what each is called on disk, in Debian, in Docker and in the environment.

export type ServerKind = 'nats' | 'redis';

export interface ServerFacts {
  readonly program: string;
  /** Debian packages asked for by name; what they depend on is found by apt. */
  readonly packages: readonly string[];
  /** Packages that the program links against, for a host whose dpkg state apt cannot simulate on. */
  readonly likelyLibraries: readonly string[];
  readonly urlVariable: string;
  readonly binaryVariable: string;
  readonly imageVariable: string;
  readonly minimumVersion: readonly [major: number, minor: number];
  readonly versionReason: string;
}

export const SERVER_FACTS: Readonly<Record<ServerKind, ServerFacts>> = {
  nats: {
    program: 'nats-server',
    packages: ['nats-server'],
    likelyLibraries: [],
    urlVariable: 'NATS_URL',
    binaryVariable: 'TENDER_NATS_SERVER',
    imageVariable: 'TENDER_NATS_IMAGE',
    minimumVersion: [2, 9],
    versionReason: 'the client creates JetStream consumers by the API of 2.9',
  },
  redis: {
    program: 'redis-server',
    packages: ['redis-server', 'redis-tools'],
    likelyLibraries: ['libjemalloc2', 'liblua5.1-0', 'lua-cjson', 'lua-bitop', 'liblzf1', 'libatomic1'],
    urlVariable: 'REDIS_URL',
    binaryVariable: 'TENDER_REDIS_SERVER',
    imageVariable: 'TENDER_REDIS_IMAGE',
    minimumVersion: [7, 0],
    versionReason: 'the scripts of the bank start with #!lua',
  },
};
