"""How to read a report: a few sentences for those who see one for the first time."""

GUIDE = (
    "One convolution was computed by several frameworks, by several methods in each, on the same "
    "numbers. The exact result was computed too, without any rounding, and every result is "
    "compared with that one.",
    "Floats are rounded after every operation, and the order of a sum decides how. Two right "
    "results may therefore differ in their last bits. A tick says that every number is as near to "
    "the exact one as the theory of rounding promises for so many products (Higham, Accuracy and "
    "Stability of Numerical Algorithms, chapter 3); on integers it says that all are equal.",
    "Bits in common: a float32 has 24 significant bits, some seven decimal digits. 24 bits in "
    "common means equal; 23 means neighbours. The minimum belongs to the worst pixel of the image. "
    "It is low where positive and negative products nearly cancel: what is left there is small, "
    "and rounding weighs more. That is no error.",
    "The first call of a method includes what is done only once: choosing, allocating and, in "
    "compiled code, compiling. Later calls are timed in turns, one framework after the other, "
    "again and again, so that whatever disturbs the machine disturbs all of them. The median is "
    "the time in the middle, and half of all times lie between the quartiles. Two times whose "
    "quartiles overlap are not different.",
    "Times belong to this machine, this picture and this kernel. A method that loses here may win "
    "on a larger image or kernel.",
)
