// The page's entry: wires the parts below into one room.
