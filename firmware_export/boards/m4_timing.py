"""Cycles of instructions on an Arm Cortex-M4, by the timing that Arm publishes.

Sources, in Arm's "Cortex-M4 Processor Technical Reference Manual" (100166, before: DDI 0439):
Table 3-1 "Processor instruction set summary", Table 3-2 "DSP instruction set summary", "Load/store
timings" after them, and the FPU's "FPU instruction set". All are for memory without wait states.
docs/benchmark.md says what is counted how, and what is left out.
"""

import dataclasses
import re

from firmware_export.errors import ExportError

_CONDITIONS = "eq|ne|cs|hs|cc|lo|mi|pl|vs|vc|hi|ls|ge|lt|gt|le|al"


@dataclasses.dataclass(frozen=True)
class Cycles:
    """An estimate, and its limits by what the manual leaves open."""

    estimate: int
    least: int
    most: int

    def plus(self, other: "Cycles", times: int = 1) -> "Cycles":
        return Cycles(
            self.estimate + times * other.estimate,
            self.least + times * other.least,
            self.most + times * other.most,
        )

    def minus(self, other: "Cycles") -> "Cycles":
        return self.plus(other, -1)

    def divided(self, calls: int) -> "Cycles":
        """Per call."""
        return Cycles(self.estimate // calls, self.least // calls, self.most // calls)


NONE = Cycles(0, 0, 0)


def _exactly(cycles: int) -> Cycles:
    return Cycles(cycles, cycles, cycles)


@dataclasses.dataclass(frozen=True, eq=False)
class Instruction:
    """An instruction of a program.

    Attributes:
      address: where it is.
      size: 2 or 4 bytes.
      text: as disassembled: "ldr.w r0, [r1, #4]".
      name: without width, condition and S: "ldr"; of the timing table if that has it.
      operands: "r0, [r1, #4]".
      conditional: it may be skipped, in an IT block.
    """

    address: int
    size: int
    text: str
    name: str
    operands: str
    conditional: bool


def instruction(address: int, size: int, mnemonic: str, operands: str) -> Instruction:
    """An instruction as the disassembler prints it."""
    name, conditional = _base(mnemonic)
    text = f"{mnemonic} {operands}".strip()
    return Instruction(address, size, text, name, operands, conditional)


def cycles(this: Instruction, before: Instruction | None) -> Cycles:
    """Cycles of an instruction, without those for a branch that is taken.

    Args:
      this: the instruction.
      before: what was executed before it, at the address before it; None after a taken branch.

    Raises:
      ExportError: the table does not have it.
    """
    own = _own(this, before)
    if this.name in _MEMORY and before is not None and _computes_address(before, this):
        own = own.plus(_exactly(1))
    return dataclasses.replace(own, least=1) if this.conditional else own


def leaving(last: Instruction, following: Instruction) -> Cycles:
    """What the last instruction of a straight line adds by what comes after it.

    The refill of the pipeline after a taken branch; or, if an instruction that loads the program
    counter was skipped in its IT block, a correction: it then takes one cycle.
    """
    if following.address == last.address + last.size:
        if last.conditional and _refill(last) is not None:
            return dataclasses.replace(_exactly(1 - _own(last, None).estimate), least=0)
        return NONE
    refill = _refill(last)
    if refill is None:  # an interrupt
        return NONE
    # A 32-bit instruction that is not at a multiple of 4 takes two fetches.
    straddles = following.size == 4 and following.address % 4 != 0
    estimate = min(refill.estimate + straddles, refill.most)
    return dataclasses.replace(refill, estimate=estimate)


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_ADDITIONS = _names("add16 add8 asx sax sub16 sub8")
_HALVES = ("bb", "bt", "tb", "tt")
_COMPARISONS = _names("cmp cmn tst teq vcmp vcmpe nop pld")
_LONG = (
    _names("smull umull smlal umlal umaal smlald smlaldx smlsld smlsldx")
    | {f"smlal{halves}" for halves in _HALVES}
)  # fmt: skip
# Table 3-1, and Table 3-2, where everything takes one cycle.
_ONE = (
    _names("mov movw movt add addw adc adr sub subw sbc rsb neg mul mla mls ssat usat")
    | _names("and eor orr orn bic mvn lsl lsr asr ror rrx clz rbit rev rev16 revsh")
    | _names("sxtb sxth uxtb uxth ubfx sbfx bfi bfc")
    | _names("pkhbt pkhtb sxtab sxtab16 sxtah sxtb16 uxtab uxtab16 uxtah uxtb16 ssat16 usat16 sel")
    | _names("qadd qsub qdadd qdsub usad8 usada8 smuad smuadx smusd smusdx smlad smladx smlsd")
    | _names("smlsdx smmul smmulr smmla smmlar smmls smmlsr smulwb smulwt smlawb smlawt")
    | {f"{product}{halves}" for product in ("smul", "smla") for halves in _HALVES}
    | {f"{kind}{op}" for kind in ("s", "q", "sh", "u", "uq", "uh") for op in _ADDITIONS}
    | _names("vabs vadd vsub vneg vmul vnmul vcvt vcvtr vcvtb vcvtt vmrs vmsr")
    | _LONG
    | _COMPARISONS
)
_FLOAT = dict.fromkeys(_names("vmla vmls vnmla vnmls vfma vfms vfnma vfnms"), 3) | {
    "vdiv": 14,
    "vsqrt": 14,
}
_DIVIDE = _names("sdiv udiv")
_LOAD = _names("ldr ldrb ldrh ldrsb ldrsh ldrex ldrexb ldrexh ldrt ldrbt ldrht ldrsbt ldrsht")
_STORE = _names("str strb strh strt strbt strht")
_SEVERAL = _names("ldrd strd ldm ldmia ldmdb stm stmia stmdb push pop") | _names(
    "vldr vstr vldm vldmia vldmdb vstm vstmia vstmdb vpush vpop"
)
_TABLE = _names("tbb tbh")
_MEMORY = _LOAD | _STORE | _SEVERAL | _TABLE
_IMMEDIATE = _names("b bl cbz cbnz") | {f"b{condition}" for condition in _CONDITIONS.split("|")}
_REGISTER = _names("bx blx")
_KNOWN = (
    _ONE | _FLOAT.keys() | _DIVIDE | _MEMORY | _IMMEDIATE | _REGISTER | _names("vmov")
)  # fmt: skip
_IT = re.compile("it[te]{0,3}")
_CORE = re.compile(r"\b(?:r\d+|s[bpl]|fp|ip|lr)\b")


def _base(mnemonic: str) -> tuple[str, bool]:
    """The name in the table, and whether a condition was taken off it; itself if unknown."""
    plain = mnemonic.split(".")[0]
    if plain in _KNOWN:
        return plain, False
    if plain.endswith("s") and plain[:-1] in _ONE:
        return plain[:-1], False
    match = re.fullmatch(f"(.+?)s??({_CONDITIONS})", plain)
    if match and match[1] in _KNOWN:
        return match[1], True
    return plain, False


def _own(this: Instruction, before: Instruction | None) -> Cycles:
    name = this.name
    if name in _ONE or name in _IMMEDIATE or name in _REGISTER:
        return _exactly(1)
    if _IT.fullmatch(name):
        # Folded into a 16-bit instruction before it.
        folds = before is not None and before.size == 2
        return Cycles(0 if folds else 1, 0, 1)
    if name in _DIVIDE:
        return Cycles(7, 2, 12)  # by the operands, which the trace does not have
    if name in _FLOAT:
        return _exactly(_FLOAT[name])
    if name == "vmov":
        # Between the FPU and core registers, unless half of a double.
        return _exactly(2 if _CORE.search(this.operands) and "[" not in this.operands else 1)
    if name in _TABLE:
        return _exactly(3)
    if name in _SEVERAL:
        return _exactly(1 + _words(this))
    if name in _STORE and not _index_registers(this):
        return _exactly(1)
    if name in _LOAD or name in _STORE:
        return _load_or_indexed_store(this, before)
    raise ExportError(
        f"the timing of the Cortex-M4 has no instruction {this.text.split()[0]!r} (at "
        f"{this.address:#x}), so cycles cannot be estimated: add it to m4_timing.py"
    )


def _load_or_indexed_store(this: Instruction, before: Instruction | None) -> Cycles:
    """Two cycles, the first of which overlaps with a load before it."""
    follows = (
        before is not None
        and before.name in _LOAD
        and not _loads_pc(before)
        and not _written(before) & _address_registers(this)
    )
    taken = 1 if follows and not _loads_pc(this) else 2
    # A constant in the code may have to wait for the fetch of an instruction.
    waits = "[pc" in this.operands
    return Cycles(taken, taken, taken + waits)


def _refill(this: Instruction) -> Cycles | None:
    """Cycles to refill the pipeline, P of the manual: 1 to 3; None if it is not a branch.

    How early the target is known decides: with an offset in the instruction, in time to fetch it
    at once; from a register, one cycle later; from memory, last.
    """
    if this.name in _IMMEDIATE:
        return Cycles(1, 1, 3)
    if this.name in _REGISTER or (_written(this) == {"pc"} and this.name in _ONE):
        return Cycles(2, 1, 3)
    if this.name in _TABLE or (this.name in _LOAD and _loads_pc(this)):
        return _exactly(3)
    if this.name in ("pop", "ldm", "ldmia", "ldmdb") and "pc" in _listed(this):
        return Cycles(3, 1, 3)
    return None


def _computes_address(before: Instruction, this: Instruction) -> bool:
    """Whether a data processing instruction wrote what the next one uses as an address."""
    return before.name in _ONE and bool(_written(before) & _address_registers(this))


def _written(this: Instruction) -> set[str]:
    """Core registers that the next instruction may have to wait for."""
    if this.name in _COMPARISONS or this.name in _STORE:
        return _updated(this)
    parts = [part.strip() for part in this.operands.split(",")]
    return set(parts[: 2 if this.name in _LONG else 1]) | _updated(this)


def _updated(this: Instruction) -> set[str]:
    """The base register, if it is written back: [r1, #4]! or [r1], #4."""
    match = re.search(r"\[(\w+)(?:\]\s*,|[^\]]*\]!)", this.operands)
    return {match[1]} if match else set()


def _address_registers(this: Instruction) -> set[str]:
    if this.name in ("push", "pop", "vpush", "vpop"):
        return {"sp"}
    bracket = re.search(r"\[([^\]]*)\]", this.operands)
    if bracket:
        return set(_CORE.findall(bracket[1]))
    return {this.operands.split(",")[0].rstrip("!")}


def _index_registers(this: Instruction) -> bool:
    """Whether the address has a register as its offset."""
    return bool(re.search(r"\[\w+, \w", this.operands))


def _loads_pc(this: Instruction) -> bool:
    return this.operands.startswith("pc,")


def _listed(this: Instruction) -> list[str]:
    """Registers in braces: r4-r7 are four."""
    braces = re.search(r"\{(.*)\}", this.operands)
    found: list[str] = []
    for part in braces[1].split(",") if braces else []:
        first, _, last = part.strip().partition("-")
        if last:
            kind, low, high = first[0], int(first[1:]), int(last[1:])
            found += [f"{kind}{number}" for number in range(low, high + 1)]
        else:
            found.append(first)
    return found


def _words(this: Instruction) -> int:
    """Words that a load or store of several moves."""
    if this.name in ("ldrd", "strd"):
        return 2
    registers = [this.operands] if this.name in ("vldr", "vstr") else _listed(this)
    return sum(2 if register.startswith("d") else 1 for register in registers)
