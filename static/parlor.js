// The client, under the address that other pages import it from. docs/client.md
export * from './client/parlor.js';
