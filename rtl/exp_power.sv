// round(2^16 exp(-difference x scale)), D10: three tables and a short series, in 52 bits. The scale
// is mantissa / 2^exponent, as a float has it, so that the product is exact. What is wrong at last
// is less than 2^-30 of a unit, so that it differs from exact rounding only where 2^16 exp() lies
// that near to a half; the test bench tries every difference of a layer's scale.
module exp_power (
    input logic [31:0] difference,  // from the row's highest score
    input logic [23:0] mantissa,
    input logic [7:0] exponent,
    output logic [16:0] power
);
  /*verilator no_inline_module*/
`include "exp_table.svh"

  logic [55:0] product;
  logic [115:0] shifted;  // with 60 bits behind the point
  logic [3:0] whole;
  logic [7:0] high, low;
  logic [43:0] rest;  // 2^-60, below 2^-16
  logic [52:0] factor, tail;
  logic [105:0] first, second, third;
  logic [27:0] square;  // rest^2 / 2 in 2^-60

  always_comb begin
    product = 56'(difference) * 56'(mantissa);
    shifted = exponent < 8'd60 ? 116'(product) << (8'd60 - exponent)
                               : 116'(product) >> (exponent - 8'd60);
    whole = shifted[63:60];
    high = shifted[59:52];
    low = shifted[51:44];
    rest = shifted[43:0];
    square = 28'((48'(rest[43:20]) * 48'(rest[43:20])) >> 21);  // right to 2^-57
    tail = 53'(((61'd1 << 60) - 61'(rest) + 61'(square)) >> 8);  // exp(-rest) in 2^-52
    first = 106'(exp_whole(whole)) * 106'(exp_high(high));
    second = 106'(53'(first >> 52)) * 106'(exp_low(low));
    third = 106'(53'(second >> 52)) * 106'(tail);
    factor = 53'(third >> 52);
    power = |shifted[115:64] ? 17'd0 : 17'((factor + (53'd1 << 35)) >> 36);
  end
endmodule
