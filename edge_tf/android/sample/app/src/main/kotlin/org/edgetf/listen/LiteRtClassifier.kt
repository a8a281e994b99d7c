// SPDX-License-Identifier: Apache-2.0
package org.edgetf.listen

import android.content.Context
import com.google.ai.edge.litert.Accelerator
import com.google.ai.edge.litert.CompiledModel

/** The model in LiteRT, on the CPU: the front-end needs an FFT, which GPU and NPU lack. */
class LiteRtClassifier(context: Context) : Classifier {
    private val model =
        CompiledModel.create(context.assets, MODEL, CompiledModel.Options(Accelerator.CPU))
    private val inputs = model.createInputBuffers()
    private val outputs = model.createOutputBuffers()

    override fun scores(window: FloatArray): FloatArray {
        inputs[0].writeFloat(window)
        model.run(inputs, outputs)
        return outputs[0].readFloat()
    }

    override fun close() {
        (inputs + outputs).forEach { it.close() }
        model.close()
    }
}
