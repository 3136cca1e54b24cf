"""Make qpilot/disq/data/molecules.json: qubit Hamiltonians of small molecules, with their exact energies.

    pip install pyscf && python tools/molecules.py

Restricted Hartree-Fock in the STO-3G basis, then an active space: the lowest orbitals are filled and frozen, and of the
others those of the given symmetries are kept, so that the empty pi orbitals of the linear molecules are left out.
Both mappings order spin orbitals as all of spin up, then all of spin down, by orbital energy. "parity" is the parity
mapping without the two qubits that hold the conserved parities of the spins.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyscf
from numpy.typing import NDArray
from pyscf import ao2mo, fci, gto, mcscf, scf
from qiskit import QuantumCircuit
from qiskit.quantum_info import Clifford, SparsePauliOp

OUT = Path(__file__).parents[1] / "qpilot" / "disq" / "data" / "molecules.json"
PI = {"E1x", "E1y", "E1ux", "E1uy", "E1gx", "E1gy"}
CUT = 1e-9
"""Coefficients below this, in hartree, are what rounding left."""

MOLECULES = {
    # Atoms at multiples of the bond length on a line, frozen orbitals, active electrons, active orbitals, bond lengths.
    "H2": ([("H", 0), ("H", 1)], 0, 2, 2, (0.5, 0.735, 1.0, 1.5, 2.0)),
    "LiH": ([("Li", 0), ("H", 1)], 1, 2, 3, (1.2, 1.4, 1.595, 2.0, 2.5)),
    "BeH2": ([("H", -1), ("Be", 0), ("H", 1)], 1, 4, 4, (1.1, 1.326, 1.6, 2.0)),
}


def integrals(name: str, bond_length: float) -> tuple[Any, ...]:
    """Return the energies of the whole molecule, and constant, one- and two-electron integrals of the active space."""
    atoms, frozen, electrons, orbitals, _ = MOLECULES[name]
    geometry = [(symbol, (0.0, 0.0, place * bond_length)) for symbol, place in atoms]
    molecule = gto.M(atom=geometry, basis="sto-3g", symmetry=True, verbose=0)
    field = scf.RHF(molecule).run(conv_tol=1e-12)
    labels = pyscf.symm.label_orb_symm(molecule, molecule.irrep_name, molecule.symm_orb, field.mo_coeff)
    kept = [index for index, label in enumerate(labels) if index >= frozen and label not in PI][:orbitals]
    rest = [index for index in range(len(labels)) if index >= frozen and index not in kept]
    field.mo_coeff = field.mo_coeff[:, [*range(frozen), *kept, *rest]]
    active = mcscf.CASCI(field, orbitals, electrons)
    one, constant = active.get_h1eff()
    two = ao2mo.restore(1, active.get_h2eff(), orbitals)
    full = fci.FCI(field).run(conv_tol=1e-12).e_tot
    return field.e_tot, full, active.run().e_tot, constant, one, two


def jordan_wigner(constant: float, one: NDArray[np.float64], two: NDArray[np.float64]) -> SparsePauliOp:
    """Return the Hamiltonian on 2 m qubits, spin orbitals of spin up first."""
    size = 2 * len(one)
    lower = []
    for mode in range(size):
        chain = "Z" * mode
        lower.append(
            SparsePauliOp.from_list(
                [("I" * (size - mode - 1) + "X" + chain, 0.5), ("I" * (size - mode - 1) + "Y" + chain, 0.5j)]
            )
        )
    raised = [operator.adjoint() for operator in lower]
    spins = (0, len(one))
    total = SparsePauliOp.from_list([("I" * size, constant)])
    parts = [total]
    for p, q in np.argwhere(np.abs(one) > CUT):
        parts += [one[p, q] * (raised[p + spin] @ lower[q + spin]) for spin in spins]
    for p, q, r, s in np.argwhere(np.abs(two) > CUT):  # (pq|rs), chemists' order
        parts += [
            0.5 * two[p, q, r, s] * (raised[p + a] @ raised[r + b] @ lower[s + b] @ lower[q + a])
            for a in spins
            for b in spins
            if not (a == b and (p == r or q == s))
        ]
    return SparsePauliOp.sum(parts).simplify(atol=CUT)


def parity(hamiltonian: SparsePauliOp, electrons: int) -> SparsePauliOp:
    """Return the Hamiltonian in the parity mapping, without the qubits that hold the parities of the two spins."""
    size = hamiltonian.num_qubits
    chain = QuantumCircuit(size)
    for qubit in range(size - 1):
        chain.cx(qubit, qubit + 1)
    paulis = hamiltonian.paulis.evolve(Clifford(chain), frame="s")
    turned = SparsePauliOp(paulis, hamiltonian.coeffs)
    signs = {size // 2 - 1: (-1) ** (electrons // 2), size - 1: (-1) ** electrons}
    terms = []
    for label, coefficient in turned.to_list():
        letters = list(reversed(label))
        for qubit, sign in signs.items():
            assert letters[qubit] in "IZ"
            coefficient *= sign if letters[qubit] == "Z" else 1
        terms.append(("".join(reversed([x for qubit, x in enumerate(letters) if qubit not in signs])), coefficient))
    return SparsePauliOp.from_list(terms).simplify(atol=CUT)


def rounded_terms(hamiltonian: SparsePauliOp) -> dict[str, float]:
    """Return the terms as a dictionary, the identity first, with twelve decimals."""
    terms = {label: round(float(coefficient.real), 12) for label, coefficient in hamiltonian.to_list()}
    return dict(sorted(terms.items(), key=lambda item: (item[0].strip("I") != "", -abs(item[1]), item[0])))


def main() -> None:
    """Write the file."""
    records = []
    for name, (_, _, electrons, orbitals, lengths) in MOLECULES.items():
        for length in lengths:
            hartree_fock, full, active, *space = integrals(name, length)
            on_all = jordan_wigner(*space)
            mapped = {"jordan-wigner": on_all, "parity": parity(on_all, electrons)}
            for mapping, hamiltonian in mapped.items():
                ground = float(np.linalg.eigvalsh(hamiltonian.to_matrix())[0])
                # The Hamiltonian has states of any number of electrons; its lowest must be the molecule's.
                assert abs(ground - active) < 1e-8, (name, length, mapping, ground, active)
                records.append(
                    {
                        "molecule": name,
                        "bond_length_angstrom": length,
                        "mapping": mapping,
                        "active_electrons": electrons,
                        "active_orbitals": orbitals,
                        "ground_energy_hartree": round(ground, 10),
                        "hartree_fock_energy_hartree": round(float(hartree_fock), 10),
                        "full_ci_energy_hartree": round(float(full), 10),
                        "terms": rounded_terms(hamiltonian),
                    }
                )
                print(name, length, mapping, hamiltonian.num_qubits, len(hamiltonian), ground, hartree_fock, full)
    made_by = f"tools/molecules.py with PySCF {pyscf.__version__}: RHF/STO-3G, frozen core, no pi orbitals"
    lines = ",\n".join(json.dumps(record) for record in records)
    OUT.write_text(f'{{"made_by": {json.dumps(made_by)},\n"hamiltonians": [\n{lines}\n]}}\n')


if __name__ == "__main__":
    main()
