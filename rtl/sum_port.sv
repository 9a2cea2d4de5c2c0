// The output scratchpad's ports, for sums that leave lines (D8): they are read and written,
// OUTPUT_BANKS words each way in a cycle, in the order in which lines are through, those of the
// denser engine first; each line has room for one that is on its way. This counts bytes and says
// how many of either engine have found that room.
module sum_port
  import vitcod_pkg::*;
(
    input logic clk,
    input logic begins,  // a phase begins: nothing is on its way
    input count_t dim,  // values of a row's sums
    input count_t freed[2],
    output count_t gone[2]
);
  int backlog, backlog_now;  // bytes
  int room;  // bytes on their way with which one more finds room
  count_t asking, asking_now;
  logic [LINES-1:0] whose, whose_now;  // of those that ask, 1: the sparser engine's; oldest first

  always_comb begin
    backlog_now = backlog - OUTPUT_BANKS * BANK_BYTES;
    backlog_now = (backlog_now > 0 ? backlog_now : 0) +
        (int'(freed[0]) + int'(freed[1])) * int'(dim) * 4;
    asking_now = asking;
    whose_now = whose;
    for (int e = 0; e < 2; e++) begin
      gone[e] = 0;
      for (int i = 0; i < LINES; i++)
        if (count_t'(i) < freed[e]) begin
          whose_now[asking_now] = e == 1;
          asking_now++;
        end
    end
    room = (LINES + int'(asking_now) - 1) * int'(dim) * 4;
    for (int i = 0; i < LINES; i++)
      if (asking_now > 0 && backlog_now <= room) begin
        gone[whose_now[0]]++;
        whose_now = whose_now >> 1;
        asking_now--;
        room -= int'(dim) * 4;
      end
  end

  always_ff @(posedge clk) begin
    backlog <= begins ? 0 : backlog_now;
    asking <= begins ? 0 : asking_now;
    whose <= whose_now;
  end
endmodule
