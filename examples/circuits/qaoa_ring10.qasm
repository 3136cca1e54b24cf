// QAOA with two layers for MaxCut on a ring of 10 vertices, at the best angles for a ring.
// The expected cut is 5/6 of the 10 edges (Farhi, Goldstone, Gutmann, arXiv 1411.4028: (2p + 1) / (2p + 2)).
OPENQASM 3.0;
include "stdgates.inc";
gate rzz(theta) a, b { cx a, b; rz(theta) b; cx a, b; }
qubit[10] q;
bit[10] c;
h q;
rzz(-0.655871) q[0], q[1];
rzz(-0.655871) q[2], q[3];
rzz(-0.655871) q[4], q[5];
rzz(-0.655871) q[6], q[7];
rzz(-0.655871) q[8], q[9];
rzz(-0.655871) q[1], q[2];
rzz(-0.655871) q[3], q[4];
rzz(-0.655871) q[5], q[6];
rzz(-0.655871) q[7], q[8];
rzz(-0.655871) q[9], q[0];
rx(-1.898732) q;
rzz(1.898732) q[0], q[1];
rzz(1.898732) q[2], q[3];
rzz(1.898732) q[4], q[5];
rzz(1.898732) q[6], q[7];
rzz(1.898732) q[8], q[9];
rzz(1.898732) q[1], q[2];
rzz(1.898732) q[3], q[4];
rzz(1.898732) q[5], q[6];
rzz(1.898732) q[7], q[8];
rzz(1.898732) q[9], q[0];
rx(0.655871) q;
c = measure q;
