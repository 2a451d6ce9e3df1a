"""What a convolution means in integers and names; nothing here knows an array."""
