%struct.row = type { [3 x i8], ptr, [17 x i8] }
@rows = global [1 x %struct.row] [%struct.row { [3 x i8] c"ab@", ptr @"handler", [17 x i8] c"blockaddress(@f, " }]
@t = global ptr blockaddress(@f, %bb)
define internal void @handler() { ret void }
define void @f() {
  br label %bb
bb:
  call void asm sideeffect "nop # readonly , @handler(", ""()
  ret void
}
