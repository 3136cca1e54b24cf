// Greenberger-Horne-Zeilinger state of 12 qubits, grown as a tree of depth 4: all outcomes 0 or all 1.
OPENQASM 3.0;
include "stdgates.inc";
qubit[12] q;
bit[12] c;
h q[0];
cx q[0], q[1];
cx q[0], q[2];
cx q[1], q[3];
cx q[0], q[4];
cx q[1], q[5];
cx q[2], q[6];
cx q[3], q[7];
cx q[0], q[8];
cx q[1], q[9];
cx q[2], q[10];
cx q[3], q[11];
c = measure q;
