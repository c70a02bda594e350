//! Sizes and directions of memory operands that the decoder's table has wrong (yaxpeax-x86 2.2), as
//! compared.rs finds them by a second decoder. Source: \[SDM 2\].

use yaxpeax_x86::long_mode::{Instruction, Opcode, Operand, register_class};

/// Is there a vector of 32 bytes among the operands?
fn is_256(instruction: &Instruction) -> bool {
    (0..instruction.operand_count()).any(|at| match instruction.operand(at) {
        Operand::Register { reg } => reg.class() == register_class::Y,
        _ => false,
    })
}

/// The operand's bytes, where the decoder's answer is another. EVEX forms it has right.
/// `movd`: the opcode is 0F 6E.
pub(super) fn corrected(instruction: &Instruction, movd: bool) -> Option<u32> {
    let prefixes = instruction.prefixes;
    if prefixes.evex().is_some() {
        return None;
    }
    let vex = prefixes.vex().is_some();
    let whole = if is_256(instruction) { 32 } else { 16 };
    Some(match instruction.opcode() {
        Opcode::VPSHUFD | Opcode::VPSHUFLW | Opcode::VPSHUFHW => whole,
        Opcode::VPERMILPD | Opcode::VPERMILPS | Opcode::VROUNDPS | Opcode::VROUNDPD => whole,
        Opcode::VCVTPS2PH | Opcode::VCVTPH2PS | Opcode::VCVTDQ2PD => whole / 2,
        Opcode::VPMOVSXBW | Opcode::VPMOVSXWD | Opcode::VPMOVSXDQ => whole / 2,
        Opcode::VPMOVZXBW | Opcode::VPMOVZXWD | Opcode::VPMOVZXDQ => whole / 2,
        Opcode::VPMOVSXBD | Opcode::VPMOVSXWQ | Opcode::VPMOVZXBD | Opcode::VPMOVZXWQ => whole / 4,
        Opcode::VPMOVSXBQ | Opcode::VPMOVZXBQ => whole / 8,
        Opcode::VMOVLPS | Opcode::VMOVLPD | Opcode::VMOVHPS | Opcode::VMOVHPD => 8,
        Opcode::MOVD | Opcode::MOVQ if movd && !prefixes.rex().is_some_and(|rex| rex.w()) => 4,
        Opcode::CVTDQ2PD | Opcode::CVTPS2PI | Opcode::CVTTPS2PI => 8,
        Opcode::VCMPSS | Opcode::VRCPSS | Opcode::VRSQRTSS | Opcode::VROUNDSS => 4,
        Opcode::VINSERTPS if vex => 4,
        Opcode::VCMPSD | Opcode::VROUNDSD => 8,
        Opcode::VFMADD132SS
        | Opcode::VFMADD213SS
        | Opcode::VFMADD231SS
        | Opcode::VFMSUB132SS
        | Opcode::VFMSUB213SS
        | Opcode::VFMSUB231SS
        | Opcode::VFNMADD132SS
        | Opcode::VFNMADD213SS
        | Opcode::VFNMADD231SS
        | Opcode::VFNMSUB132SS
        | Opcode::VFNMSUB213SS
        | Opcode::VFNMSUB231SS => 4,
        Opcode::VFMADD132SD
        | Opcode::VFMADD213SD
        | Opcode::VFMADD231SD
        | Opcode::VFMSUB132SD
        | Opcode::VFMSUB213SD
        | Opcode::VFMSUB231SD
        | Opcode::VFNMADD132SD
        | Opcode::VFNMADD213SD
        | Opcode::VFNMADD231SD
        | Opcode::VFNMSUB132SD
        | Opcode::VFNMSUB213SD
        | Opcode::VFNMSUB231SD => 8,
        Opcode::PUSH | Opcode::POP if prefixes.rex().is_some_and(|rex| rex.w()) => 8,
        Opcode::MOVSXD if prefixes.operand_size() && !prefixes.rex().is_some_and(|rex| rex.w()) => {
            2
        }
        _ => return None,
    })
}

/// Their memory operand, when it is written, is not read.
pub(super) fn is_a_move(opcode: Opcode) -> bool {
    super::plain::is_a_move(opcode)
        || matches!(
            opcode,
            Opcode::VMOVLPS
                | Opcode::VMOVLPD
                | Opcode::VMOVHPS
                | Opcode::VMOVHPD
                | Opcode::MOVLPS
                | Opcode::MOVLPD
                | Opcode::MOVHPS
                | Opcode::MOVHPD
        )
}
