;; A skill for cis, as WebAssembly text; docs/wasm.md of cis tells what it can ask for, and how C is made into this.
;;
;; It answers {"given": …} with the document that it was called with.
(module
  (import "cis" "cis_log" (func $log (param $level i32) (param $at i32) (param $len i32)))

  (memory (export "memory") 1)
  (data (i32.const 0) "{\"given\":")  ;; 9 bytes
  (data (i32.const 256) "looked at what it was given")

  ;; Room is taken from here on, and never given back: every call has a memory of its own.
  (global $next (mut i32) (i32.const 1024))

  ;; Room for $len bytes; 0 when there is none. cis calls it to hand something over.
  (func $alloc (export "cis_alloc") (param $len i32) (result i32)
    (local $at i32) (local $missing i32)
    (local.set $at (global.get $next))
    (global.set $next (i32.add (local.get $at) (local.get $len)))
    (local.set $missing (i32.sub (global.get $next) (i32.shl (memory.size) (i32.const 16))))
    (if (i32.gt_s (local.get $missing) (i32.const 0))
      (then
        (if (i32.eq (memory.grow (i32.add (i32.shr_u (local.get $missing) (i32.const 16)) (i32.const 1))) (i32.const -1))
          (then (return (i32.const 0))))))
    (local.get $at))

  ;; The input is JSON: $len bytes at $at. The answer too: its address in the upper half of the result, its length in
  ;; the lower.
  (func (export "handle") (param $at i32) (param $len i32) (result i64)
    (local $to i32) (local $size i32)
    (call $log (i32.const 1) (i32.const 256) (i32.const 27))
    (local.set $size (i32.add (local.get $len) (i32.const 10)))
    (local.set $to (call $alloc (local.get $size)))
    (if (i32.eqz (local.get $to)) (then (unreachable)))
    (memory.copy (local.get $to) (i32.const 0) (i32.const 9))
    (memory.copy (i32.add (local.get $to) (i32.const 9)) (local.get $at) (local.get $len))
    (i32.store8 offset=9 (i32.add (local.get $to) (local.get $len)) (i32.const 125))  ;; }
    (i64.or (i64.shl (i64.extend_i32_u (local.get $to)) (i64.const 32)) (i64.extend_i32_u (local.get $size)))))
