// The market's door to NATS: connections, inboxes, message ids and the headers of a step.
export * from './connect-nats.js';
export * from './inbox.js';
export * from './step-headers.js';
export * from './ulid.js';
