"""Looking through the files that go into an archive: what each is, where its samples lie, and which arrays they make together.

In the order of the work: `listing` finds the files, `scan` reads each once, `items` proves that the packing of its samples gives
the same bytes again, `arrays` joins items of several files, and `tree` holds it all. What no reader knows, or what contradicts
itself, is verbatim: it never stops the rest. Samples are not kept: they are read again when their array is coded, and a file that
is another one by then is an error.
"""
