// NAME: a skill for cis, in AssemblyScript. sh build.sh makes skill.wasm of it; docs/wasm.md tells what else it may call.
@external("cis", "cis_log")
declare function cis_log(level: i32, text: usize, length: i32): void;

export function cis_alloc(length: i32): usize {
  return heap.alloc(length);
}

export function abort(message: string | null, file: string | null, line: u32, column: u32): void {
  unreachable();
}

function log(text: string): void {
  const bytes = String.UTF8.encode(text);
  cis_log(1, changetype<usize>(bytes), bytes.byteLength);
}

// What it is given is a JSON document; its answer is one too: {"given": …}.
export function handle(input: usize, length: i32): i64 {
  log("looked at what it was given");
  const answer = String.UTF8.encode('{"given": ' + String.UTF8.decodeUnsafe(input, length) + "}");
  return ((<i64>changetype<usize>(answer)) << 32) | answer.byteLength;
}
