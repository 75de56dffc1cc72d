"""Pictures in, pictures out: decoding, face detection, the face frame, composing, encoding.

Pure: numpy, Pillow and OpenCV. Colours are RGB, arrays are [H,W,3] uint8, a hole is [H,W] uint8 with 1 = missing.
Points are (x, y) in pixels, and (0, 0) is the centre of the top left pixel.
"""

import cv2

# Requests run side by side in threads of the service, so OpenCV's own threads, one for every core of the host, would
# get in their way. A second one, which it gives to one call at a time, halves the search for faces in a lone request.
cv2.setNumThreads(2)
