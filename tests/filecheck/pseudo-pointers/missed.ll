; RUN: galeed-opt %s --passes=pseudo-pointers --disable-output --pass-remarks-output=/dev/stdout | filecheck %s
; Forms without a checked form are left, and said: function, source line, reason.

module asm "nop"

define void @histogram(<4 x ptr> %p, <4 x i1> %m) !dbg !3 {
  call void @llvm.experimental.vector.histogram.add.v4p0.i32(<4 x ptr> %p, i32 1, <4 x i1> %m), !dbg !6
  ret void
}
define void @register(ptr %p) {
  call void asm sideeffect "", "r,~{memory}"(ptr %p)
  call void asm sideeffect "incl ($0)", "r,~{memory}"(ptr %p)
  ret void
}
define void @locked(ptr %p) {
  call void asm sideeffect "lock incl $0", "=*m,~{memory}"(ptr elementtype(i32) %p)
  ret void
}
define void @goto(ptr %p) {
  callbr void asm sideeffect "incl $0", "=*m,!i"(ptr elementtype(i32) %p) to label %a [label %b]
a:
  ret void
b:
  ret void
}
declare void @memset(ptr, i8, i64)
define void @invoked(ptr %p) personality ptr @memset {
  invoke void @memset(ptr %p, i8 0, i64 8) to label %a unwind label %b
a:
  ret void
b:
  %e = landingpad { ptr, i32 } cleanup
  ret void
}
define void @scalable(ptr %p) {
  store <vscale x 4 x i32> zeroinitializer, ptr %p, align 16
  ret void
}
define i128 @wide(ptr %p) {
  %v = load atomic i128, ptr %p seq_cst, align 16
  ret i128 %v
}
define void @odd(ptr %p, <4 x i1> %m) {
  call void @llvm.masked.store.v4i24.p0(<4 x i24> zeroinitializer, ptr %p, <4 x i1> %m)
  ret void
}
define void @spaces(ptr %p, i64 %n) {
  %s = addrspacecast ptr %p to ptr addrspace(256)
  store i8 0, ptr addrspace(256) %s, align 1
  %t = addrspacecast ptr %p to ptr addrspace(270)
  store i8 0, ptr addrspace(270) %t, align 1
  %own = inttoptr i64 %n to ptr addrspace(257)
  store i8 0, ptr addrspace(257) %own, align 1
  ret void
}
%struct.s = type { i64, i64, i64 }
declare void @takes(ptr byval(%struct.s))
define void @jump(ptr byval(%struct.s) %own, ptr %p) {
  ret void
}
define void @tail(ptr byval(%struct.s) %own, ptr %p) {
  musttail call void @jump(ptr byval(%struct.s) %p, ptr %p)
  ret void
}
!llvm.dbg.cu = !{!0}
!llvm.module.flags = !{!2}
!0 = distinct !DICompileUnit(language: DW_LANG_C11, file: !1, producer: "none", emissionKind: FullDebug)
!1 = !DIFile(filename: "a.c", directory: "/src")
!2 = !{i32 2, !"Debug Info Version", i32 3}
!3 = distinct !DISubprogram(name: "histogram", file: !1, line: 7, type: !4, unit: !0, spFlags: DISPFlagDefinition)
!4 = !DISubroutineType(types: !5)
!5 = !{null}
!6 = !DILocation(line: 8, column: 3, scope: !3)
; CHECK:      --- !Missed
; CHECK-NEXT: Pass:            pseudo-pointers
; CHECK-NEXT: Name:            Intrinsic
; CHECK-NEXT: DebugLoc:        { File: 'a.c', Line: 8, Column: 3 }
; CHECK-NEXT: Function:        'histogram'
; CHECK-NEXT: Args:
; CHECK-NEXT:   - String:          'intrinsic llvm.experimental.vector.histogram.add.v4p0.i32 has no checked form'
; An empty template touches nothing: one remark.
; CHECK:      Name:            InlineAssembly
; CHECK-NEXT: Function:        'register'
; CHECK-NEXT: Args:
; CHECK-NEXT:   - String:          'inline assembly gets a pointer in a register'
; CHECK:      Name:            AtomicAssembly
; CHECK-NEXT: Function:        'locked'
; CHECK:      Name:            InlineAssembly
; CHECK-NEXT: Function:        'goto'
; CHECK:      Name:            LibraryCall
; CHECK-NEXT: Function:        'invoked'
; CHECK:      Name:            Scalable
; CHECK:      Name:            WideAtomic
; CHECK:      Name:            VectorElement
; CHECK-NEXT: Function:        'odd'
; CHECK:      Name:            AddressSpace
; CHECK-NEXT: Function:        'spaces'
; CHECK-NEXT: Args:
; CHECK-NEXT:   - String:          'access in address space 256: its addresses are relative to a segment, where a handle traps'
; CHECK:        - String:          'access in address space 270: its addresses are of 32 bits'
; CHECK:      Name:            CopiedArgument
; CHECK-NEXT: Function:        'tail'
; CHECK:      Name:            ModuleAssembly
