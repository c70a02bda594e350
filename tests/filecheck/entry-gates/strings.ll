; RUN: galeed-opt %s --passes=entry-gates -S | filecheck %s
; What stands in a string is no mention of a function, and hides none: behind text that ends
; with @ the address of @handler is taken all the same, so it gets a gate. Text stays as it is.

%struct.row = type { [3 x i8], ptr, [17 x i8] }
@rows = global [1 x %struct.row] [%struct.row { [3 x i8] c"ab@", ptr @handler, [17 x i8] c"blockaddress(@f, " }]
@place = global ptr blockaddress(@f, %there)

define internal void @handler() {
  ret void
}
define void @f() {
  br label %there
there:
  call void asm sideeffect "nop # readonly , @handler(", ""()
  ret void
}
; CHECK:      @rows = global
; CHECK-SAME: c"ab@", ptr @handler, [17 x i8] c"blockaddress(@f, " }
; CHECK:      @place = global ptr blockaddress(@f.foreign, %there)
; CHECK:      define internal void @handler.foreign()
; CHECK:        call void asm sideeffect "nop # readonly , @handler(", ""()
; CHECK:      define internal void @handler()
; CHECK:        call void @galeed_gate_enter(
