// Package emit turns the blocks of package ir into a step function, and puts the
// parts of a lowered script together.
//
// A step function runs from one suspension to the next:
//
//	function (%f, %v, %m) {                  frame, value sent, mode
//	  let x, y, %t1;                         the slots: real locals
//	  let %b = %f.pc, %x; const %s = %f.s; %f.s = void 0;
//	  %O: for (;;) try {
//	    %L: for (;;) {
//	      if (%b < 2) {                      binary decision on the block's number
//	        if (%b < 1) { …entry… }
//	        else { x = %s[0]; y = %s[1]; if (%m === 1) throw %v; … }
//	      } else …
//	    }
//	  } catch (%c) {
//	    %b = %H7[%b]; if (%b === 0) throw %c; %x = %c
//	  }
//	}
//
// Block numbers are the resume points first (number 0 is the entry), then the
// blocks that are entered from several places. All other blocks stand inside
// their one predecessor. Without handlers there is no try, without jumps no loop.
//
// A suspension stores operand, slots and point, in this order, since evaluating
// the operand may still change a slot:
//
//	%f.a = operand; %f.s = [x, y]; %f.pc = 3; return %AWAIT
package emit
