export interface Server {
  readonly origin: string;
  close(): Promise<void>;
}

export function serve(
  folders: Readonly<Record<string, string>>,
  options?: { readonly isolated?: boolean; readonly headers?: Readonly<Record<string, string>> },
): Promise<Server>;
