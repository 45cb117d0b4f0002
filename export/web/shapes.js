// Gives the open sides of a .tflite model a size, in its file: LiteRT.js does not resize inputs.
//
// The file is a FlatBuffer (TensorFlow Lite's schema.fbs): a table begins with the distance to its list of fields; vectors
// and tables are where an offset points to. A tensor has its shape twice: `shape` and, with -1 where it is open,
// `shape_signature`.

const SUBGRAPHS = 2, TENSORS = 0, INPUTS = 1, OUTPUTS = 2, SHAPE = 0, SIGNATURE = 7; // numbers of fields

/**
 * Changes a model in place: inputs and outputs of images with open sides.
 * @param {Uint8Array} bytes of the model.
 * @param {number} height, width: of its inputs.
 * @param {number} scale of its outputs, times the inputs.
 */
export function setSides(bytes, height, width, scale) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const follow = (at) => at + view.getUint32(at, true);

  /** Returns where a table's vector begins, at its length; 0 where the field is missing. */
  function vector(table, field) {
    const fields = table - view.getInt32(table, true);
    const place = 4 + 2 * field;
    const offset = place < view.getUint16(fields, true) ? view.getUint16(fields + place, true) : 0;
    return offset && follow(table + offset);
  }

  const graph = follow(vector(follow(0), SUBGRAPHS) + 4);
  const tensors = vector(graph, TENSORS);
  for (const [list, factor] of [[vector(graph, INPUTS), 1], [vector(graph, OUTPUTS), scale]]) {
    for (let index = 0; index < view.getUint32(list, true); ++index) {
      const tensor = follow(tensors + 4 + 4 * view.getInt32(list + 4 + 4 * index, true));
      const signature = vector(tensor, SIGNATURE);
      if (!signature || view.getUint32(signature, true) !== 4 || view.getInt32(signature + 8, true) >= 0) continue;
      for (const shape of [vector(tensor, SHAPE), signature]) {
        view.setInt32(shape + 8, height * factor, true);
        view.setInt32(shape + 12, width * factor, true);
      }
    }
  }
}
