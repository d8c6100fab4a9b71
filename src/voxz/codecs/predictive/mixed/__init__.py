"""Levels 6 to 9: backward-adaptive prediction and mixing on top of the forward-adaptive predictor.

::

    forward prediction (predict/)  --+
    least squares on what was        +-- blend, corrected by -- interval search, each decision
    decoded in the tile (squares) ---+   what it missed nearby  mixed from all experts and
                                         (correction)           adaptive counters -- binary coder

Nothing of this is sent: the decoder learns the same from the samples it has. All of it is integers, or IEEE doubles with
``+ - * / sqrt`` in a fixed order.
"""
