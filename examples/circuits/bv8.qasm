// Bernstein-Vazirani: finds the hidden string 1011001 with one call of the oracle.
// Qubits 0 to 6 hold the query, qubit 7 the phase; the outcome is 1011001 (c[6] first) with certainty.
OPENQASM 2.0;
include "qelib1.inc";
qreg q[8];
creg c[7];
x q[7];
h q;
cx q[0], q[7];
cx q[3], q[7];
cx q[4], q[7];
cx q[6], q[7];
h q[0];
h q[1];
h q[2];
h q[3];
h q[4];
h q[5];
h q[6];
measure q[0] -> c[0];
measure q[1] -> c[1];
measure q[2] -> c[2];
measure q[3] -> c[3];
measure q[4] -> c[4];
measure q[5] -> c[5];
measure q[6] -> c[6];
