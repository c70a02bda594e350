; RUN: galeed-opt %s --passes=entry-gates -S | filecheck %s
; RUN: galeed-opt %s --passes=entry-gates -S --stats 2>&1 >/dev/null | filecheck %s --check-prefix=COUNT
; Calls of functions of other files: past the gate, if the linker finds a body; else by a jump.

%struct.big = type { [4 x i64] }

declare i32 @elsewhere(ptr noundef, i8 zeroext) #0
declare { double, ptr } @pair(ptr byval(%struct.big) align 8, ...)
declare extern_weak void @perhaps()
declare i32 @setjmp(ptr) #1
declare i32 @twice(ptr) #1
declare !dbg !3 void @"quoted name"()
declare fastcc void @other_convention()
declare ptr @malloc(i64)
declare double @pow(double, double)
declare i64 @strlen(ptr)
declare void @llvm.donothing()
declare void @only_pointed_at()
declare void @mpk_gate_exit(ptr)

define ptr @caller(ptr %p) personality ptr null {
  %a = call i32 @elsewhere(ptr %p, i8 zeroext 1)
  %b = call { double, ptr } (ptr, ...) @pair(ptr byval(%struct.big) align 8 %p, i32 1)
  invoke void @"quoted name"() to label %next unwind label %next2
next:
  call void @perhaps()
  %c = call i32 @setjmp(ptr %p)
  %d = call i32 @twice(ptr %p)
  call fastcc void @other_convention()
  %e = call ptr @malloc(i64 1)
  %f = call double @pow(double 1.0, double 2.0)
  %g = call i64 @strlen(ptr %p)
  call void @llvm.donothing()
  ret ptr @only_pointed_at
next2:
  %x = landingpad { ptr, i32 } cleanup
  resume { ptr, i32 } %x
}
define i32 @musttail_stays(ptr %p, i8 zeroext %n) {
  %r = musttail call i32 @elsewhere(ptr %p, i8 zeroext %n)
  ret i32 %r
}
!llvm.module.flags = !{!0}
!llvm.dbg.cu = !{!1}
!0 = !{i32 2, !"Debug Info Version", i32 3}
!1 = distinct !DICompileUnit(language: DW_LANG_C99, file: !2, emissionKind: FullDebug)
!2 = !DIFile(filename: "a.c", directory: "/")
!3 = !DISubprogram(name: "quoted name", scope: !2, file: !2, line: 1, type: !4, spFlags: 0)
!4 = !DISubroutineType(types: !5)
!5 = !{null}
attributes #0 = { nounwind "target-features"="+avx2" }
attributes #1 = { returns_twice }

; COUNT:       3 entry-gates: functions of other files

; CHECK-DAG:   $elsewhere.foreign = comdat any
; CHECK-DAG:   $"quoted name.foreign" = comdat any

; CHECK-LABEL: define hidden ptr @caller.foreign(
; CHECK-NEXT:    call i32 @elsewhere.foreign(ptr %p, i8 zeroext 1)
; CHECK-NEXT:    call { double, ptr } (ptr, ...) @pair.foreign(
; CHECK-NEXT:    invoke void @"quoted name.foreign"()
; Who may be missing, who returns twice, whom LLVM knows by name and pointers keep the plain name.
; CHECK:         call void @perhaps()
; CHECK-NEXT:    call i32 @setjmp(
; CHECK-NEXT:    call i32 @twice(
; CHECK-NEXT:    call fastcc void @other_convention()
; CHECK-NEXT:    call ptr @malloc(
; CHECK-NEXT:    call double @pow(
; CHECK-NEXT:    call i64 @strlen(
; CHECK-NEXT:    call void @llvm.donothing()
; CHECK-NEXT:    ret ptr @only_pointed_at
; CHECK-LABEL: define hidden i32 @musttail_stays.foreign(
; CHECK-NEXT:    musttail call i32 @elsewhere.foreign(

; CHECK:       define weak hidden i32 @elsewhere.foreign(ptr %a0, i8 zeroext %a1) #[[JUMP:[0-9]+]] section "galeed_text" comdat {
; CHECK-NEXT:    %same = musttail call i32 @elsewhere(ptr %a0, i8 zeroext %a1)
; CHECK-NEXT:    ret i32 %same
; CHECK-LABEL: define weak hidden { double, ptr } @pair.foreign(ptr byval(%struct.big) align 8 %a0, ...)
; CHECK-NEXT:    musttail call { double, ptr } (ptr, ...) @pair(ptr byval(%struct.big) align 8 %a0, ...)
; CHECK-LABEL: define weak hidden void @"quoted name.foreign"()
; CHECK:       attributes #[[JUMP]] = { noinline nounwind optsize "target-features"="+avx2" }
