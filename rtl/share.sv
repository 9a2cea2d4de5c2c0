// floor((power x whole + sum / 2) / sum), D10 and D23: eight steps of a division, since no share is
// above `whole`.
module share (
    input logic [16:0] power,
    input logic [7:0] whole,
    input logic [31:0] sum,  // of all powers of a row, not 0
    output logic [7:0] probability
);
  /*verilator no_inline_module*/
  logic [40:0] rest;
  always_comb begin
    rest = 41'(power) * 41'(whole) + 41'(sum >> 1);
    probability = 8'd0;
    for (int bit_of = 7; bit_of >= 0; bit_of--)
      if (rest >= 41'(sum) << bit_of) begin
        rest -= 41'(sum) << bit_of;
        probability[bit_of] = 1'b1;
      end
  end
endmodule
