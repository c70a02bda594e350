; RUN: galeed-opt %s --passes=pseudo-pointers --disable-output --pass-remarks-output=/dev/stdout | filecheck %s
; Forms without a checked form are left, and said: function, source line, reason.

declare <4 x i32> @llvm.masked.load.v4i32.p0(ptr, <4 x i1>, <4 x i32>)

module asm "nop"

define <4 x i32> @masked(ptr %p, <4 x i1> %m) !dbg !3 {
  %v = call <4 x i32> @llvm.masked.load.v4i32.p0(ptr %p, <4 x i1> %m, <4 x i32> poison), !dbg !6
  ret <4 x i32> %v
}
define void @assembly(ptr %p) {
  call void asm sideeffect "incl $0", "=*m,~{memory}"(ptr elementtype(i32) %p)
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
define i32 @variadic(ptr %list) {
  %v = va_arg ptr %list, i32
  ret i32 %v
}
!llvm.dbg.cu = !{!0}
!llvm.module.flags = !{!2}
!0 = distinct !DICompileUnit(language: DW_LANG_C11, file: !1, producer: "none", emissionKind: FullDebug)
!1 = !DIFile(filename: "a.c", directory: "/src")
!2 = !{i32 2, !"Debug Info Version", i32 3}
!3 = distinct !DISubprogram(name: "masked", file: !1, line: 7, type: !4, unit: !0, spFlags: DISPFlagDefinition)
!4 = !DISubroutineType(types: !5)
!5 = !{null}
!6 = !DILocation(line: 8, column: 3, scope: !3)
; CHECK:      --- !Missed
; CHECK-NEXT: Pass:            pseudo-pointers
; CHECK-NEXT: Name:            Intrinsic
; CHECK-NEXT: DebugLoc:        { File: 'a.c', Line: 8, Column: 3 }
; CHECK-NEXT: Function:        'masked'
; CHECK-NEXT: Args:
; CHECK-NEXT:   - String:          'intrinsic llvm.masked.load.v4i32.p0 has no checked form'
; CHECK:      Name:            InlineAssembly
; CHECK-NEXT: Function:        'assembly'
; CHECK:      Name:            UnsizedType
; CHECK:      Name:            WideAtomic
; CHECK:      Name:            VaArg
; CHECK:      Name:            ModuleAssembly
