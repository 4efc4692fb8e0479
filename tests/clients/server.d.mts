// The types of server.mjs.
export declare class Server {
  static start(flags?: string[]): Promise<Server>
  url: string
  start(): Promise<void>
  kill(): Promise<void>
  stop(): Promise<void>
}
